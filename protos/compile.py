"""Compile the contracts: protobuf sources -> Python modules, type stubs and one descriptor image.

Nothing is vendored: `google/*` comes from the googleapis-common-protos wheel and `buf/validate`
from the descriptor inside the protovalidate wheel.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import shutil
import sys
from pathlib import Path

from google.longrunning import operations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent
OUT = ROOT.parent / "libs" / "contracts" / "src"
GOOGLE = Path(str(importlib.resources.files("grpc_tools") / "_proto"))
COMMON = next(Path(path) for path in sys.path if (Path(path) / "google" / "api" / "http.proto").exists())
VALIDATE = "buf/validate/validate.proto"


def sources() -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("taproot/**/*.proto"))


def fingerprint() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in sources():
        digest.update(name.encode() + (ROOT / name).read_bytes())
    return digest.hexdigest()


def run(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        raise SystemExit("protoc failed")


def validate_descriptors() -> FileDescriptorSet:
    """buf/validate/validate.proto and what it imports, from the wheel's embedded descriptor."""
    found = FileDescriptorSet()
    found.file.append(FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary()))
    return found


def longrunning_descriptor() -> FileDescriptorProto:
    """The wheel ships this file's source under another name than its module registers, hence the descriptor."""
    found = FileDescriptorProto()
    operations_pb2.DESCRIPTOR.CopyToProto(found)
    return found


def base_image(out: Path) -> Path:
    """Descriptors of everything our contracts import but do not define."""
    wellknown = ("any", "descriptor", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers")
    files = [f"google/protobuf/{name}.proto" for name in wellknown]
    files += sorted(path.relative_to(COMMON).as_posix() for path in COMMON.glob("google/type/*.proto"))
    files += ["google/api/annotations.proto", "google/api/httpbody.proto"]
    files += ["google/rpc/error_details.proto", "google/rpc/status.proto"]
    files += ["google/api/client.proto", "google/api/field_behavior.proto"]
    image = out / "base.binpb"
    run(f"-I{GOOGLE}", f"-I{COMMON}", "--include_imports", f"--descriptor_set_out={image}", *files)
    descriptors = FileDescriptorSet.FromString(image.read_bytes())
    descriptors.MergeFrom(validate_descriptors())
    descriptors.file.append(longrunning_descriptor())
    image.write_bytes(descriptors.SerializeToString())
    return image


def compile_all(out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    package = out / "taproot_contracts"
    package.mkdir(parents=True)
    (package / "py.typed").touch()
    (package / "__init__.py").write_text('"""The compiled contracts and their descriptor image."""\n')
    base = base_image(package)
    run(f"--descriptor_set_in={base}", f"--python_out={out}", f"--pyi_out={out}", VALIDATE)
    ours = [f"-I{ROOT}", f"--descriptor_set_in={base}"]
    plugins = Path(sys.executable).parent
    run(
        *ours,
        f"--plugin=protoc-gen-mypy={plugins / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={plugins / 'protoc-gen-mypy_grpc'}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--mypy_grpc_out=quiet,only_async:{out}",
        *sources(),
    )
    image = package / "image.binpb"
    run(*ours, "--include_imports", "--include_source_info", f"--descriptor_set_out={image}", *sources())


def main() -> None:
    mark = OUT / ".fingerprint"
    if mark.exists() and mark.read_text() == fingerprint():
        return
    fresh, old = OUT.with_name("src.new"), OUT.with_name("src.old")
    compile_all(fresh)
    (fresh / ".fingerprint").write_text(fingerprint())
    # Swapped in by renaming, so that whoever imports meanwhile finds one whole set or the other.
    shutil.rmtree(old, ignore_errors=True)
    if OUT.exists():
        OUT.rename(old)
    fresh.rename(OUT)
    shutil.rmtree(old, ignore_errors=True)
    print(f"compiled {len(sources())} contract files")


if __name__ == "__main__":
    main()

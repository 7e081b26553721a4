"""Certificates on both sides between services: who has none of the same authority does not get in."""

from __future__ import annotations

import datetime as dt
import ipaddress

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from grpc_health.v1 import health_pb2, health_pb2_grpc

from taproot_base.transport import Transport
from taproot_chassis.server import GrpcServer


class Authority:
    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.certificate = self._sign(self.name, self.key.public_key(), authority=True)

    def issue(self, directory):
        """A directory as cert-manager writes it."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sales")])
        certificate = self._sign(name, key.public_key(), authority=False)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        directory.mkdir(exist_ok=True)
        (directory / "ca.crt").write_bytes(self.certificate.public_bytes(pem))
        (directory / "tls.crt").write_bytes(certificate.public_bytes(pem))
        (directory / "tls.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        return Transport.of(str(directory))

    def _sign(self, subject, public, *, authority):
        now = dt.datetime.now(dt.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        return built.sign(self.key, hashes.SHA256())


class Passing(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, handler_call_details):
        return await continuation(handler_call_details)


@pytest.fixture
def ours():
    return Authority()


@pytest.fixture
async def server(ours, tmp_path):
    transport = ours.issue(tmp_path / "server")
    served = GrpcServer({}, Passing(), "127.0.0.1", 0, transport)
    await served.start()
    yield served
    await served.drain(0)


async def asked(channel):
    async with channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        return answer.status


async def test_a_peer_of_the_same_authority_gets_in(server, ours, tmp_path):
    channel = ours.issue(tmp_path / "client").channel(f"127.0.0.1:{server.port}", [])
    assert await asked(channel) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("kind", ["in the clear", "of another authority", "without a certificate"])
async def test_everybody_else_stays_out(server, ours, tmp_path, kind):
    address = f"127.0.0.1:{server.port}"
    if kind == "in the clear":
        channel = Transport().channel(address, [])
    elif kind == "of another authority":
        channel = Authority().issue(tmp_path / "stranger").channel(address, [])
    else:
        ours.issue(tmp_path / "client")
        ca = (tmp_path / "client" / "ca.crt").read_bytes()
        channel = grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(ca))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asked(channel)
    assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


async def test_a_renewed_certificate_is_used_without_a_restart(server, tmp_path):
    """The next connection is served with what the files hold then."""
    later = Authority()
    later.issue(tmp_path / "server")
    channel = later.issue(tmp_path / "client").channel(f"127.0.0.1:{server.port}", [])
    assert await asked(channel) == health_pb2.HealthCheckResponse.SERVING


async def test_probes_reach_health_alone_in_the_clear(ours, tmp_path):
    from taproot_local.processes import free_port

    port = free_port()
    served = GrpcServer({}, Passing(), "127.0.0.1", 0, ours.issue(tmp_path / "server"), port)
    await served.start()
    try:
        assert (
            await asked(Transport().channel(f"127.0.0.1:{port}", []))
            == health_pb2.HealthCheckResponse.SERVING
        )
        async with Transport().channel(f"127.0.0.1:{port}", []) as channel:
            reflection = channel.unary_unary("/taproot.operations.v1.OperationsService/ListOperations")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await reflection(b"", timeout=5)
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    finally:
        await served.drain(0)

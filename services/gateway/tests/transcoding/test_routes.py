from __future__ import annotations

import pytest
from google.protobuf.message import Message

from taproot.customer.v1 import customer_service_pb2
from taproot.options.v1 import options_pb2
from taproot_gateway.transcoding.contracts import Contracts
from taproot_gateway.transcoding.input import Violation
from taproot_gateway.transcoding.paths import Tree, parse
from taproot_gateway.transcoding.requests import HttpRequest, Invalid
from taproot_gateway.transcoding.routes import Route, Router, access_of

ID = "0190b6a0-0000-7000-8000-000000000001"


def locate(router: Router, method: str, path: str) -> tuple[Route, dict[str, str]]:
    found = router.find(method, path)
    assert found is not None, path
    return found


def build(
    router: Router, method: str, path: str, query: str = "", body: bytes = b"", **headers: str
) -> Message:
    route, values = locate(router, method, path)
    return route.builder.build(HttpRequest(values, query, body, **headers))


def refused(
    router: Router, method: str, path: str, query: str = "", body: bytes = b"", **headers: str
) -> list[Violation]:
    with pytest.raises(Invalid) as error:
        build(router, method, path, query, body, **headers)
    return error.value.violations


class TestContracts:
    def test_every_unary_rpc_has_a_rest_binding(self, loaded: Contracts, router: Router) -> None:
        bound = {route.method.full_name for route in router.routes}
        unbound = [
            method.full_name
            for service in loaded.services()
            for method in service.methods
            if not method.client_streaming
            and access_of(method).permission != "internal"
            and method.full_name not in bound
        ]
        assert unbound == []

    def test_every_rpc_says_who_may_call_it(self, router: Router) -> None:
        assert [route.method.full_name for route in router.routes if not route.access.permission] == []

    def test_every_service_and_rpc_has_a_comment(self, loaded: Contracts) -> None:
        names = [s.full_name for s in loaded.services()]
        names += [m.full_name for s in loaded.services() for m in s.methods]
        assert [name for name in names if not loaded.comment(name)] == []

    def test_no_credential_can_stand_in_an_address(self, router: Router) -> None:
        """Addresses end up in logs and histories."""
        for route in router.routes:
            for field in route.method.input_type.fields:
                if field.GetOptions().Extensions[options_pb2.sensitive] == options_pb2.SENSITIVITY_CREDENTIAL:
                    assert route.builder.parameters.find(field.name) is None or route.rule.body == "*"


class TestTemplates:
    def test_literals_win_over_variables(self, router: Router) -> None:
        assert locate(router, "GET", "/v1/sessions/current")[0].method.name == "GetCurrentSession"
        assert locate(router, "DELETE", "/v1/sessions/current")[0].method.name == "RevokeSession"

    def test_a_variable_may_span_segments(self, router: Router) -> None:
        route, values = locate(router, "POST", f"/v1/operations/customer/{ID}:cancel")
        assert (route.method.name, values) == ("CancelOperation", {"name": f"operations/customer/{ID}"})

    def test_a_variable_is_percent_decoded_and_excludes_colons(self, router: Router) -> None:
        route, values = locate(router, "POST", "/v1/customers/a%20%3A%E7%8E%8B:merge")
        assert (route.method.name, values) == ("MergeCustomers", {"id": "a :王"})

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/nothing",
            "/v1/customers/",
            "/v1//customers",
            "/v1/customers/a:nope",
            "/",
            "/v1/customers/a:merge",
        ],
    )
    def test_other_paths_lead_nowhere(self, router: Router, path: str) -> None:
        assert router.find("GET", path) is None
        assert router.methods(path) in ([], ["POST"])

    def test_the_search_goes_back_from_a_literal_that_leads_nowhere(self) -> None:
        tree: Tree[str] = Tree()
        tree.add("GET", parse("/v1/a/b"), "literal")
        tree.add("GET", parse("/v1/{x}/c"), "variable")
        tree.add("GET", parse("/v1/files/{path=**}"), "rest")
        assert tree.find("GET", "/v1/a/c") == ("variable", {"x": "a"})
        assert tree.find("GET", "/v1/files/x/y%2Fz") == ("rest", {"path": "x/y/z"})
        assert tree.methods("/v1/a/b") == ["GET"]

    def test_a_path_bound_twice_is_refused(self) -> None:
        tree: Tree[int] = Tree()
        tree.add("GET", parse("/v1/{a}"), 1)
        with pytest.raises(ValueError, match="bound twice"):
            tree.add("GET", parse("/v1/{b}"), 2)

    @pytest.mark.parametrize("text", ["v1/a", "/v1/{a", "/v1/{a=**}/b", "/v1/{}"])
    def test_a_template_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="template"):
            parse(text)


class TestRequests:
    def test_query_parameters_become_fields(self, router: Router) -> None:
        made = build(router, "GET", "/v1/customers:aggregate", "filter=a%3D1&group_by=status&groupBy=kind")
        assert made == customer_service_pb2.AggregateCustomersRequest(
            filter="a=1", group_by=["status", "kind"]
        )

    def test_unknown_and_wrong_parameters_are_all_named(self, router: Router) -> None:
        found = refused(router, "GET", "/v1/customers", "page_size=many&nope=1&filter=a&filter=b")
        assert [one.field for one in found] == ["page_size", "nope", "filter"]

    def test_a_patch_without_mask_changes_the_fields_the_client_wrote(self, router: Router) -> None:
        made = build(
            router,
            "PATCH",
            f"/v1/customers/{ID}",
            body=b'{"note": "", "birthDate": null, "id": "%s"}' % ID.encode(),
        )
        assert isinstance(made, customer_service_pb2.UpdateCustomerRequest)
        assert list(made.update_mask.paths) == ["birth_date", "note"]
        assert made.customer.id == ID

    def test_a_mask_given_is_kept(self, router: Router) -> None:
        made = build(
            router,
            "PATCH",
            f"/v1/customers/{ID}",
            "updateMask=note,displayName",
            b'{"note": "x", "source": "y"}',
        )
        assert isinstance(made, customer_service_pb2.UpdateCustomerRequest)
        assert list(made.update_mask.paths) == ["note", "display_name"]

    def test_a_body_that_contradicts_the_path_is_refused(self, router: Router) -> None:
        assert [
            one.field for one in refused(router, "PATCH", f"/v1/customers/{ID}", body=b'{"id": "other"}')
        ] == ["customer.id"]

    def test_body_violations_name_the_path_from_the_request(self, router: Router) -> None:
        found = refused(router, "POST", "/v1/customers", "x=1", b'{"kind": 1.5, "addresses": [{"city": 1}]}')
        assert [one.field for one in found] == ["customer.kind", "customer.addresses[0].city", "x"]

    def test_headers_stand_for_fields(self, router: Router) -> None:
        made = build(router, "PATCH", f"/v1/customers/{ID}", body=b"{}", request_id="key", etag="7")
        assert isinstance(made, customer_service_pb2.UpdateCustomerRequest)
        assert (made.request_id, made.customer.etag) == ("key", "7")
        deleted = build(router, "DELETE", f"/v1/customers/{ID}", etag="7")
        assert isinstance(deleted, customer_service_pb2.DeleteCustomerRequest)
        assert deleted.etag == "7"

    def test_a_body_where_none_belongs_is_refused(self, router: Router) -> None:
        assert refused(router, "GET", f"/v1/customers/{ID}", body=b"{}")

    def test_text_that_is_no_json_is_refused(self, router: Router) -> None:
        (found,) = refused(router, "POST", "/v1/customers", body=b'{"a":')
        assert "not JSON" in found.description

    def test_too_many_parameters_are_refused(self, router: Router) -> None:
        assert refused(router, "GET", "/v1/customers", "&".join(["page_size=1"] * 300))

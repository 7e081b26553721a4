"""gRPC of forms and submissions: parse, hand over, answer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from taproot.marketing.v1 import form_pb2 as pb
from taproot.marketing.v1 import form_service_pb2 as rpc
from taproot.marketing.v1 import form_submission_service_pb2 as sub
from taproot_chassis.service import Runtime
from taproot_marketing.forms import handlers, messages, queries
from taproot_marketing.forms.handlers import Submit
from taproot_marketing.forms.model import Form
from taproot_marketing.forms.queries import SHELF, SUBMISSIONS
from taproot_marketing.settings import MarketingSettings
from taproot_marketing.tokens import Signer
from taproot_records.mapping import message_of
from taproot_records.serving import ResourceServicer
from taproot_records.writing import changes, given, new_key
from taproot_storage.database import Reader, UnitOfWork
from taproot_storage.idempotency import lock_key

CLIENT_ADDRESS = "x-client-address"
"""Set by the gateway, which drops what a client sends under this name."""
Verb = Callable[[str, str, UnitOfWork], Awaitable[Form]]


class FormsServicer(ResourceServicer[pb.Form]):
    def __init__(self, runtime: Runtime[MarketingSettings], signer: Signer) -> None:
        super().__init__(runtime, SHELF)
        self._signer = signer
        self._salt = (
            runtime.settings.form_salt.encode() or hashlib.sha256(b"form" + runtime.page_key).digest()
        )

    async def GetForm(self, request: rpc.GetFormRequest, _context: Any) -> pb.Form:
        return await self.get(request.id)

    async def ListForms(self, request: rpc.ListFormsRequest, _context: Any) -> rpc.ListFormsResponse:
        return await self.page(request, rpc.ListFormsResponse, "forms")

    async def CreateForm(self, request: rpc.CreateFormRequest, _context: Any) -> pb.Form:
        async def act(work: UnitOfWork) -> pb.Form:
            key = await new_key(work, Form, request.form.id)
            return messages.to_message(await handlers.create_form(key, given(request.form, Form), work))

        return await self.once(request, act, SHELF.get)

    async def UpdateForm(self, request: rpc.UpdateFormRequest, _context: Any) -> pb.Form:
        form = request.form
        values = changes(form, request.update_mask, Form)

        async def act(work: UnitOfWork) -> pb.Form:
            return messages.to_message(await handlers.update_form(form.id, form.etag, values, work))

        return await self.once(request, act, SHELF.get)

    async def DeleteForm(self, request: rpc.DeleteFormRequest, _context: Any) -> pb.Form:
        async def again(_reader: Reader, key: str) -> pb.Form:
            return pb.Form(id=key)

        return await self._change(request, handlers.delete_form, again)

    async def OpenForm(self, request: rpc.OpenFormRequest, _context: Any) -> pb.Form:
        return await self._change(request, handlers.open_form, SHELF.get)

    async def CloseForm(self, request: rpc.CloseFormRequest, _context: Any) -> pb.Form:
        return await self._change(request, handlers.close_form, SHELF.get)

    async def _change(
        self, request: Any, verb: Verb, again: Callable[[Reader, str], Awaitable[pb.Form]]
    ) -> pb.Form:
        async def act(work: UnitOfWork) -> pb.Form:
            return messages.to_message(await verb(request.id, request.etag, work))

        return await self.once(request, act, again)

    async def GetPublicForm(self, request: rpc.GetPublicFormRequest, _context: Any) -> rpc.PublicForm:
        async def query(reader: Reader) -> rpc.PublicForm:
            row = await queries.open_form(reader, request.form_id)
            token = self._signer.sign(handlers.SHOWN, str(row["id"]), reader.clock.now())
            return messages.public_form(row, token)

        return await self.read(query)

    async def SubmitForm(self, request: rpc.SubmitFormRequest, context: Any) -> rpc.SubmitFormResponse:
        headers = dict(context.invocation_metadata())
        command = Submit(
            form_id=request.form_id,
            request_id=request.request_id,
            values=messages.filled_in(request.submission),
            form_token=request.form_token,
            trap=request.website,
            address=str(headers.get(CLIENT_ADDRESS, "")),
        )
        locks = [lock_key("submission", request.form_id, request.request_id)] if request.request_id else []
        async with self.database.unit(locks) as work:
            submission, form = await handlers.submit_form(command, self._signer, self._salt, work)
        return rpc.SubmitFormResponse(
            submission_id=str(submission["id"]),
            thank_you=message_of(pb.Form, form).thank_you,
            confirmation_required=submission["state"] == "pending_confirmation",
        )

    async def ConfirmFormSubmission(
        self, request: rpc.ConfirmFormSubmissionRequest, _context: Any
    ) -> rpc.ConfirmFormSubmissionResponse:
        async with self.database.unit() as work:
            submission = await handlers.confirm_submission(request.token, self._signer, work)
            thank_you = await queries.thank_you_of(work, submission.form_id)
        return rpc.ConfirmFormSubmissionResponse(thank_you=pb.LocalizedText(**thank_you))


class FormSubmissionsServicer(ResourceServicer[pb.FormSubmission]):
    def __init__(self, runtime: Runtime[MarketingSettings]) -> None:
        super().__init__(runtime, SUBMISSIONS)

    async def GetFormSubmission(
        self, request: sub.GetFormSubmissionRequest, _context: Any
    ) -> pb.FormSubmission:
        return await self.get(request.id)

    async def ListFormSubmissions(
        self, request: sub.ListFormSubmissionsRequest, _context: Any
    ) -> sub.ListFormSubmissionsResponse:
        return await self.page(request, sub.ListFormSubmissionsResponse, "form_submissions")

    async def AggregateFormSubmissions(
        self, request: sub.AggregateFormSubmissionsRequest, _context: Any
    ) -> sub.AggregateFormSubmissionsResponse:
        return await self.aggregate(request, sub.AggregateFormSubmissionsResponse)

    async def ReleaseFormSubmission(
        self, request: sub.ReleaseFormSubmissionRequest, _context: Any
    ) -> pb.FormSubmission:
        async def act(work: UnitOfWork) -> pb.FormSubmission:
            done = await handlers.release_submission(request.id, request.etag, work)
            return messages.submission_message(done)

        return await self.once(request, act, SUBMISSIONS.get)

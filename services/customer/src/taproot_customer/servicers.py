"""Which servicer serves which service of the contract."""

from __future__ import annotations

from taproot_chassis.service import Runtime
from taproot_chassis.servicer import Servicer
from taproot_customer.activities.servicer import ActivitiesServicer
from taproot_customer.agendas.servicer import AgendasServicer
from taproot_customer.analysis.servicer import InsightsServicer
from taproot_customer.attachments.servicer import AttachmentsServicer
from taproot_customer.care_dates.servicer import CareDatesServicer
from taproot_customer.computing import WorkerPool
from taproot_customer.consents.servicer import ConsentsServicer
from taproot_customer.contact_lists.servicer import ContactListsServicer
from taproot_customer.contacts.servicer import ContactsServicer
from taproot_customer.custom_fields.servicer import CustomFieldsServicer
from taproot_customer.customers.servicer import CustomersServicer
from taproot_customer.exports.servicer import ExportsServicer
from taproot_customer.hierarchies.servicer import HierarchiesServicer
from taproot_customer.imports.servicer import ImportsServicer
from taproot_customer.loyalty.servicer import LoyaltyClassesServicer
from taproot_customer.merging.servicer import DuplicatesServicer
from taproot_customer.object_types.servicer import ObjectTypesServicer
from taproot_customer.objects.servicer import ObjectsServicer
from taproot_customer.pools.servicer import PoolRulesServicer, PoolsServicer
from taproot_customer.privacy.parts import Privacy
from taproot_customer.privacy.servicer import PrivacyServicer
from taproot_customer.profiles.servicer import ProfilesServicer
from taproot_customer.relationships.servicer import RelationshipsServicer
from taproot_customer.review.servicer import DuplicatePairsServicer
from taproot_customer.search.servicer import SearchServicer
from taproot_customer.segments.servicer import SegmentsServicer
from taproot_customer.settings import CustomerSettings
from taproot_customer.sharing.servicer import CustomerSharesServicer
from taproot_customer.suggestions.servicer import SuggestionRulesServicer
from taproot_customer.tasks.servicer import TasksServicer
from taproot_customer.timeline.servicer import TimelineServicer
from taproot_customer.transfers.servicer import TransfersServicer
from taproot_customer.uploads.servicer import UploadsServicer
from taproot_customer.work_plans.servicer import WorkPlansServicer

PACKAGE = "taproot.customer.v1"


def servicers(runtime: Runtime[CustomerSettings], pool: WorkerPool, privacy: Privacy) -> dict[str, Servicer]:
    return {
        privacy.SERVICE: privacy.own,
        f"{PACKAGE}.PrivacyService": PrivacyServicer(runtime, privacy.everyone),
        f"{PACKAGE}.CustomersService": CustomersServicer(runtime),
        f"{PACKAGE}.CustomerSharesService": CustomerSharesServicer(runtime),
        f"{PACKAGE}.ObjectTypesService": ObjectTypesServicer(runtime),
        f"{PACKAGE}.ObjectsService": ObjectsServicer(runtime),
        f"{PACKAGE}.CustomFieldsService": CustomFieldsServicer(runtime),
        f"{PACKAGE}.ContactsService": ContactsServicer(runtime),
        f"{PACKAGE}.RelationshipsService": RelationshipsServicer(runtime),
        f"{PACKAGE}.AttachmentsService": AttachmentsServicer(runtime),
        f"{PACKAGE}.ActivitiesService": ActivitiesServicer(runtime),
        f"{PACKAGE}.TasksService": TasksServicer(runtime),
        f"{PACKAGE}.WorkPlansService": WorkPlansServicer(runtime),
        f"{PACKAGE}.AgendasService": AgendasServicer(runtime),
        f"{PACKAGE}.ContactListsService": ContactListsServicer(runtime),
        f"{PACKAGE}.CareDatesService": CareDatesServicer(runtime),
        f"{PACKAGE}.ConsentsService": ConsentsServicer(runtime),
        f"{PACKAGE}.TimelineService": TimelineServicer(runtime),
        f"{PACKAGE}.ProfilesService": ProfilesServicer(runtime),
        f"{PACKAGE}.SuggestionRulesService": SuggestionRulesServicer(runtime),
        f"{PACKAGE}.PoolsService": PoolsServicer(runtime),
        f"{PACKAGE}.PoolRulesService": PoolRulesServicer(runtime),
        f"{PACKAGE}.TransfersService": TransfersServicer(runtime),
        f"{PACKAGE}.HierarchiesService": HierarchiesServicer(runtime.database),
        f"{PACKAGE}.DuplicatesService": DuplicatesServicer(runtime),
        f"{PACKAGE}.DuplicatePairsService": DuplicatePairsServicer(runtime),
        f"{PACKAGE}.SearchService": SearchServicer(runtime),
        f"{PACKAGE}.SegmentsService": SegmentsServicer(runtime),
        f"{PACKAGE}.InsightsService": InsightsServicer(runtime),
        f"{PACKAGE}.LoyaltyClassesService": LoyaltyClassesServicer(runtime),
        f"{PACKAGE}.ImportsService": ImportsServicer(runtime, pool),
        f"{PACKAGE}.UploadsService": UploadsServicer(runtime),
        f"{PACKAGE}.ExportsService": ExportsServicer(runtime),
    }

"""What each aggregate is told as when it changes."""

from __future__ import annotations

from taproot_customer.activities import messages as activities
from taproot_customer.activities.model import Activity
from taproot_customer.analysis import messages as insights
from taproot_customer.analysis.model import Insight
from taproot_customer.attachments import messages as attachments
from taproot_customer.attachments.model import Attachment
from taproot_customer.care_dates import messages as care_dates
from taproot_customer.care_dates.model import CareDate
from taproot_customer.consents import messages as consents
from taproot_customer.consents.model import Consent
from taproot_customer.contacts import messages as contacts
from taproot_customer.contacts.model import Contact
from taproot_customer.custom_fields import messages as custom_fields
from taproot_customer.custom_fields.model import CustomField
from taproot_customer.customers import messages as customers
from taproot_customer.customers.model import Customer
from taproot_customer.exports import messages as exports
from taproot_customer.exports.model import Export
from taproot_customer.imports import messages as imports
from taproot_customer.imports.model import Import
from taproot_customer.object_types import messages as object_types
from taproot_customer.object_types.model import ObjectType
from taproot_customer.objects import messages as objects
from taproot_customer.objects.model import CustomObject
from taproot_customer.pools import messages as pools
from taproot_customer.pools.model import PoolRule
from taproot_customer.privacy import messages as privacy
from taproot_customer.privacy.model import Erasure
from taproot_customer.relationships import messages as relationships
from taproot_customer.relationships.model import Relationship
from taproot_customer.segments import messages as segments
from taproot_customer.segments.model import Segment
from taproot_customer.tasks import messages as tasks
from taproot_customer.tasks.model import Task
from taproot_customer.transfers import messages as transfers
from taproot_customer.transfers.model import Transfer
from taproot_customer.work_plans import messages as work_plans
from taproot_customer.work_plans.model import WorkPlan
from taproot_storage.eventlog import Encoder

ENCODERS: dict[type, Encoder] = {
    Customer: customers.to_event,
    Contact: contacts.to_event,
    CustomField: custom_fields.to_event,
    CustomObject: objects.to_event,
    ObjectType: object_types.to_event,
    Relationship: relationships.to_event,
    Attachment: attachments.to_event,
    Activity: activities.to_event,
    Task: tasks.to_event,
    CareDate: care_dates.to_event,
    Consent: consents.to_event,
    Import: imports.to_event,
    Export: exports.to_event,
    Erasure: privacy.to_event,
    Insight: insights.to_event,
    Segment: segments.to_event,
    PoolRule: pools.to_event,
    Transfer: transfers.to_event,
    WorkPlan: work_plans.to_event,
}

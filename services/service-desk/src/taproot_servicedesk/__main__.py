from taproot_chassis.service import run
from taproot_servicedesk.main import DEFINITION

if __name__ == "__main__":
    run(DEFINITION)

from taproot_chassis.service import run
from taproot_sales.main import DEFINITION

if __name__ == "__main__":
    run(DEFINITION)

from taproot_local.cli import main

raise SystemExit(main())

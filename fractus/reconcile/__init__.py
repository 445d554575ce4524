"""The machine that makes desired and observed equal. It knows no resource and no HTTP."""

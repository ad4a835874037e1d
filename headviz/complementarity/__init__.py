"""CAHP: heads that complement each other, from signature to knee (Livertovsky, Somin, Singer 2026). One concept a file;
`plan.py` puts them together."""

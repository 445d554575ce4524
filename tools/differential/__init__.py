"""The same requests sent to a real Neutron and to fractus, and what they answer differently.

`python -m tools.differential --clouds-yaml FILE --cloud ENTRY` compares; `justified.py` says what may differ, and why,
and docs/differences.md shows it. Bodies are made from Neutron's own attribute maps (`attributes.json`, written by
`facts.py` with the interpreter of an installed Neutron); what depends on what is there stands in `cases/`.
"""

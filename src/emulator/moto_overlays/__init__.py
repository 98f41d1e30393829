"""What moto answers wrongly or not at all.

Each overlay names the gap that it fills: the version of moto that has it, the operation, and what moto does instead. A
test of each asks moto itself, past the overlay; when it fails, moto has closed the gap and the overlay can go.
"""

"""What moto answers wrongly or not at all; each overlay goes when moto closes its gap."""

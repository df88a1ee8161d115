"""What all stages share: the nouns, the algebra, the wire, the bus, the store and the service."""

"""The bus: ports, the embedded file log, Apache Kafka."""

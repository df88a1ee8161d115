"""Recorded traffic: files of rows (CSV, JSONL, Parquet) as batches of events and labels."""

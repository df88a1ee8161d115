"""Features per modality, one file each."""

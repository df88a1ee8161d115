"""One file per revision, named rNNNN_what_it_does.py, written by hand."""

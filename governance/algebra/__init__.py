"""Named integer arrays that merge by addition, and the codings that fill them."""

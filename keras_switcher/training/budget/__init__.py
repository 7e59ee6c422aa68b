"""Budget: the share to keep, the penalty's gradient on the factors, and what training has seen."""

"""What the cell-based design spaces of NDS (Radosavovic et al., ICCV 2019) have in common."""

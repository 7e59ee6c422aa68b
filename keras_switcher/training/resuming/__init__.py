"""Resuming: what a killed training needs in order to go on."""

"""The four services of a marathon and the chassis they stand on."""

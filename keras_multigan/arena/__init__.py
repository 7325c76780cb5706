"""All methods on one data set, with one set of networks and one budget: `multigan arena`."""

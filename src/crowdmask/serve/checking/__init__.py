"""What `crowdmask serve --check` says of a site and of the machine."""

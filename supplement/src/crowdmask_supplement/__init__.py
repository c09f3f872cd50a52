"""Large files that crowdmask needs for some work only; `crowdmask.supplement` finds them."""

"""Everything that touches the world on behalf of a workflow, one module per port."""

"""HTTP, knowing no resource: routing, microversions, schemas, paging, faults."""

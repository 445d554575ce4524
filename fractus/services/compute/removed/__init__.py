"""Routes that Nova once had: 410 where it says so at every version, 404 where newer versions have lost them."""

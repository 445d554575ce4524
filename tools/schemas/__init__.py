"""Our answers, judged by Nova's own schemas of them."""

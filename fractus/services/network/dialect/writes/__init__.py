"""How what is desired of networking is written. It knows no request: workers write so, too."""

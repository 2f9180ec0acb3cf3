"""Who talks to upstreams? The only HTTP client of the gateway: a pool of HTTP/1.1 connections in push mode."""

"""HTTP/1.1 connections and their pool, each read and write under its deadline."""

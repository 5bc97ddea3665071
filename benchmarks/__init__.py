"""Measurements that anyone can run again: `make bench`. Each figure stands beside a limit or a peer of its run."""

"""The benchmark: the service against two baselines, on real servers, in one run.

Figures are ratios to what the same machine did with the same servers minutes before: machines are
shared and noisy. It uses the tests' harness.
"""

"""Physics in place of a fire brigade's test house: traces from published models, for replay.

make models    # both anew, into examples/traces
"""

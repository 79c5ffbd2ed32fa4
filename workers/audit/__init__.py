"""`leadloop audit`: recounts from the topics what should be, and names each difference from what is.

It decides nothing again: what streams emitted (stalls, decisions, recycles) are facts for it. Its fold is written from
the reference model, and shares no code with that of streams.
"""

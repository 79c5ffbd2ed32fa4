"""The web page of `leadloop report`: each view is a question, the sentence that answers it, and what stands behind it.

HTML is built with htpy, which escapes every text; nothing is assembled from strings. Pages have no inline style and no
inline script. Every number that counts leads is a link to exactly those leads, and equals the number in `/v1`.
"""

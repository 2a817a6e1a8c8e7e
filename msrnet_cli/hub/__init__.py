"""Files from the Hugging Face hub, which is not trusted.

What the hub answers becomes the names of files, so every answer is checked before
anything is written. The content of the files does not matter here.

address  ``hf://owner/repo[@revision][/file]``
client   what the hub's own client is asked for, and its errors in one line
cache    files in the cache of that client, fetched where need be
"""

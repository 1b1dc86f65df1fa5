"""Picture files from anywhere: `opening` takes what `containers` and `boxes` leave of a file.

`isolated` decodes what is better decoded in a process of its own. Importing one of them imports
no other than it needs; `core.images` offers what the rest of the house calls.
"""

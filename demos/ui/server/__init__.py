"""The server around the page: who may enter, how much may be asked, what stays, how it ends."""

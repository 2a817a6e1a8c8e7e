"""What a file says about its picture, carried as bytes: taken apart, put back.

`record` is what travels. `dissecting` takes a file apart before it is decoded,
`embedding` puts the parts into a file that was encoded; the other modules each know one
container or one kind of block.
"""

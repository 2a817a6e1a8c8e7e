"""What a file says about its picture, carried as bytes: taken apart, put back.

record           the metadata of a picture
dissecting       a file taken apart before it is decoded; with a file of their own:
                 dissecting_jpeg, dissecting_png, dissecting_raw
embedding        metadata put into a file that was just encoded
exif, makernotes, xmp, photoshop
                 kinds of blocks, changed in place
tiff_directory   the directories of TIFF files and EXIF blocks
tiff_tags        the tags in these directories, read
exif_layout, tiff_builder
                 tags laid out anew: as an EXIF block, as a TIFF file
jpeg_segments, multipicture, png_chunks, webp_chunks, gif_blocks, heif_items,
heif_properties, boxes
                 the parts of containers
wording          notes for people
"""

"""Pictures in, relit pictures out, of any size, on any device.

relighter  the public class `Relighter`
carry      the change of light from a reduced picture to the full one
tiling     exact tiles
transfer   pictures to a device and back
"""

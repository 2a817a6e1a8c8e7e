"""Pictures in, relit pictures out, of any size, on any device.

relighter    the public class `Relighter`: weights, lights, pictures of any kind
layers       the public class `Layers`: painted once, mixed into any light
pipeline     batches from end to end: painted, turned, carried, finished
lighting     the light that is asked for, resolved
runner       a network on a device, and the facts of how it runs there
adapters     paths, PIL images, NumPy arrays and tensors, in and out
turns        what was painted of a picture, made into the relit picture
painter      pictures of any size, to all that a network paints of them
memory       the memory ladder: a whole batch, smaller batches, tiles, or advice
passes       one guarded pass: whole, or in tiles
session      the choice of device, number format and engine
forward      a network ready to run, and the facts that a pass needs
soundness    guards against wrong output
carry        the change of light, from the reduced picture to the full one
finish       part of the change, a mask, colours or brightness kept
sizes        at which size the network sees a picture, and how many at a time
tiling       exact tiles
scaling      reducing and enlarging in strips
device_copy  copies between main memory and a device
options      where and how the network runs (no torch)
records      what relighting gives back (no torch)
once         a value that is made when it is first asked for
"""

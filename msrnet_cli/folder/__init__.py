"""The folder job: every picture in, every picture out, nothing lost.

options      how a folder is relit
shards       one job split over several machines: which picture is whose
clusters     which part this process is, as the system that started it tells
events       what a job reports while it runs
names        what the name of a file tells
lists        lists of inputs, as people and programs write them
findings     what a search finds
bucket       which pictures there are in stores
search       which pictures there are, and what cannot be read
destination  where results go, as the user named it
targets      each output, looked at before the first write
reads        files that a job reads beside its pictures
naming       what results are called, and which pictures would become one file
jobs         what is to be done for each picture
plan         what goes where, decided as a whole before the first write
tails        the journals of a folder, of which each shard has its own
about        what people want to know of a result
known        what was made from what, so that a second run finishes the first
journal      that of a folder on this machine, as a file
segments     that of an output in a store, as labels and objects
storage      an output folder, here or in a store, and how files are put there
lines        the lines of all journals of a folder
failures     lists of the pictures that failed
history      what journals tell of an output folder afterwards
records      what is known about existing outputs, in a folder or of single files
relights     what a job asks of the network, and a stand-in for tests
stages       read, decode, relight, encode: functions from record to record
executor     where the stages run
outputs      the output folder: what is there, and putting results there
work         a stage and what it asks of the outputs: one call for a worker
batches      decoded pictures that wait for others of their kind
budget       how many pixels may be in memory at once
tally        what became of the pictures so far
scheduler    moves pictures through the stages, overlapping, in bounded memory
job          carries out a plan
arrivals     pictures that come to the scheduler while it works
worker       the pipeline of one machine, fed by another process
crew         feeds such processes, and replaces those that die
on_ray       processes on a cluster of Ray
foresight    what a job would do
finding      the light of each picture of a folder
stream       one picture through standard input or output
"""

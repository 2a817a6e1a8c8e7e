"""A small web service on this machine's own address: pictures in, light tables out.

Pictures and tables are held in memory, in bounded amounts, and are never written.

server       the socket, the thread that serves, its end
connections  how long a connection may take
guard        who is let in, and what every answer carries
app          what is asked for, and what is answered
receiving    a request's body, within limits
form         the picture in what a plain form sends
painting     a picture to its light table
waiting      one computation at a time, the others in line
tables       what was painted, for a while
refusal      why a request is refused
options      what can be chosen
"""

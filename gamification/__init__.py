"""What a volunteer has reached: levels by evidence, streaks of days, badges, and places on the boards of a week.

Numbers here say what somebody did and what they have shown on training subjects. Nothing may live here that pays for
being fast, or for saying what others say: an answer is worth what training has shown of whoever gives it, and no more.

Everything is a pure function on values. What may not live here: a clock (today is an argument), dice, a log, `await`,
files, the network, SQL, HTTP, words for people. It imports `scipy.special` and the parts of the standard library that
do no I/O, and no other package of this project.
"""

"""What is wrong with a set-up, and what to do about it.

Each check is a small function from facts to findings; facts about the machine are read here, those about the database
in `api.store.checkup`. Nothing is changed, except that an embedded server is started if it does not run, and that a
small object is put into the store of pictures and removed again.
"""

"""How did the tables come to be as they are? One module per step (Alembic); steps that were released never change."""

"""Between Airflow and the library: context in, one step called, a small dict out."""

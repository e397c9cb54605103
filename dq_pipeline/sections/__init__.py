"""The sections of a process file, validated. Light to import: Airflow's parser reads them."""

"""The pages and the HTTP API in Airflow's web server, under `/dq`: logged in, authorised, one step called by each."""
